"""What this machine answers by itself, without a model of language: embeddings, and methods of old."""
