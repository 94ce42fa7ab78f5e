"""Trajectories rewritten: periodic paths made continuous."""
