"""Long work in processes of its own, which outlive whoever started them."""
