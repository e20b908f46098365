"""What API and worker both know of webhooks: whom they may reach, and what they are signed with."""
