"""The report page: its content, its curves and its HTML."""
