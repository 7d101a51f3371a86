"""Wire shapes, shared by every provider that speaks them: pure readers from SDK objects or plain JSON to our record."""
