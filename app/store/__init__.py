"""What is remembered: SQLAlchemy Core, one module a noun."""
