"""The context as text: layout, token budget, fence."""
