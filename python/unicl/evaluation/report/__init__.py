"""The report page: its content, its curves, and the HTML file."""
