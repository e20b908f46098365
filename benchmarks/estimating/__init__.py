"""What estimates say beside what runs use."""
