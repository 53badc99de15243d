"""Anomalies in labelled series: how early they are found, at what cost in false alarms."""
