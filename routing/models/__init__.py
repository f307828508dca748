"""Rows of who makes it: the catalogue, routing tables, health."""

from routing.models.catalogue import CatalogueModel, Tier
from routing.models.endings import ModelEnding
from routing.models.health import BreakerChange, HealthSample, ModelHealth
from routing.models.tables import RoutingTable

__all__ = [
    "BreakerChange",
    "CatalogueModel",
    "HealthSample",
    "ModelEnding",
    "ModelHealth",
    "RoutingTable",
    "Tier",
]
