"""The other side: everything that speaks to Marketo."""
