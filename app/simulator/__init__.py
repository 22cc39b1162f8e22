"""A Marketo to practise on: Adobe's rules for bulk import, written again, with faults on order."""

from app.simulator.app import create_app
from app.simulator.faults import Fault, parse_fault
from app.simulator.rules import Rules
from app.simulator.simulator import Simulator

__all__ = ["Fault", "Rules", "Simulator", "create_app", "parse_fault"]
