"""One module a provider, each against the narrow protocol in `protocol`; `registry` finds them by name."""
