"""What a lesson's cells show and check."""
