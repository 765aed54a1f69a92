"""Asyncio and the operating system."""
