"""Learnt."""

from normwise.learnt.attention import PRESENT, AttentionPooling, bag_column
from normwise.learnt.principal_components import VoxelComponents
from normwise.learnt.registry import network_extractor

__all__ = ["PRESENT", "AttentionPooling", "VoxelComponents", "bag_column", "network_extractor"]
