"""The pages that show all rooms: home, board, take desk, approvals, queue, activity, people, settings."""
