"""Domain questions to the store: one module per domain word, one text for both databases.

Each function takes the open transaction first and stays inside its zone.
"""
