"""The three pipelines of the review engine, and the router before them, as graphs of LangGraph."""
