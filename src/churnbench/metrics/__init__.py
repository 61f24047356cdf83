"""One function per measure, each with its paper; account bootstrap intervals."""
