"""Programs that measure: run from the top of the checkout, never imported by the package."""
