"""Targets: how C++, firmware and services spell the language.

A target never imports a front-end.
"""
