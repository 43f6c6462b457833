"""The review engine: takes reviews in, finds what they say, answers questions about them, and thanks who wrote them."""
