"""The validation of the tail model on third-party data: ``python -m tools.validation --data FOLDER``."""
