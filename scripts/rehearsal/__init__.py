"""What the rehearsals share: a world of their own, programs, origins, clients that count what fails."""
