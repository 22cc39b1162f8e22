"""Marketo's own paths, parameters and answers, served by us: its clients need only another host name."""
