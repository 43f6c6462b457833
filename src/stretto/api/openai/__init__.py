"""The doors for the clients of OpenAI and Anthropic: their dialects, spoken by the gateway and by flows."""
