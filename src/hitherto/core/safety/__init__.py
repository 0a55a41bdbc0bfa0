"""Safety: injection patterns, quarantine, echo detection, screening of candidates."""
