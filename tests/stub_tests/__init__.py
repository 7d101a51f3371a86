"""Tests of the stub providers, made with the real SDKs."""
