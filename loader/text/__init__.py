"""What several rooms say: the account, next steps, numbers with their nouns, escaping what is shown."""
