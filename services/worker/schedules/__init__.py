"""The duties around schedules: jobs that are made when their time comes, and windows that open and close."""
