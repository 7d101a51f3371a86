"""What runs inside the customer's app: patching, observing, describing, measuring. Light, guarded, no I/O."""
