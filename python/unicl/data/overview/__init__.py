"""The look at data before a night of training: what is counted, and the page that shows it."""
