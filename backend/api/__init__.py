"""The HTTP routes of the contract: one blueprint a noun."""
