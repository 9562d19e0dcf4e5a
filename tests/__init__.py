"""Tests of Loadline."""
