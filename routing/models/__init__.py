"""Rows of who makes it: the catalogue, routing tables, health."""

from routing.models.catalogue import CatalogueModel, Tier
from routing.models.health import BreakerChange, HealthSample, ModelHealth
from routing.models.tables import RoutingTable

__all__ = ["BreakerChange", "CatalogueModel", "HealthSample", "ModelHealth", "RoutingTable", "Tier"]
