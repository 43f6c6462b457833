"""Data sets for Qrvey and for files: trends of sentiment, what customers are worth, and stock that runs low."""

from stretto_reviews.qrvey.sets import SETS, DataSet, data_set, export, pages, pages_of, sets

__all__ = ["SETS", "DataSet", "data_set", "export", "pages", "pages_of", "sets"]
