"""How fast scoring is, next to what else there is: shapes, contenders in processes of their own, correctness gate."""
