"""Published models for missing modalities, built from the same blocks so that they train and export the same way."""
