"""What API and worker both know of time: when a cron line fires, and when a window is open. No clock of its own."""
