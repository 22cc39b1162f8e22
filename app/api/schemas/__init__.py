"""What the API answers, field for field as the contract has it: one module for each noun.

Each schema that shows something of the service has a classmethod `of`, which makes it from what `app.reporting` read.
"""
