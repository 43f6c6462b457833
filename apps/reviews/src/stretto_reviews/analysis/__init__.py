"""What a review says: its language, whether it is spam, how hard it is to read, its sentiment and its themes."""

from stretto_reviews.analysis.complexity import complexity_of
from stretto_reviews.analysis.language import language_of
from stretto_reviews.analysis.spam import Suspicion, spam_in
from stretto_reviews.analysis.themes import themes_in

__all__ = ["Suspicion", "complexity_of", "language_of", "spam_in", "themes_in"]
