"""Faults on purpose: real processes, killed and robbed by a seed, judged by what the fake vendors say was done."""
