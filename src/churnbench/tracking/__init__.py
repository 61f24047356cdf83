"""MLflow recording; the only importer of mlflow."""
