"""Traces by OpenTelemetry: the only room that imports it. Others reach it by its name, and only where traces are on."""
