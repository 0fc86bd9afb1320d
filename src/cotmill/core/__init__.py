"""Errors, content ids, seeds, Run folders, provenance: what everything else stands on."""
