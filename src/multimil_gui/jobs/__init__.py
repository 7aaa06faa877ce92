"""Long work: recipes, the reporter, job states and runners."""
