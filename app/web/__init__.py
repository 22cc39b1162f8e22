"""What the API and the pages both need of HTTP: who asks, what is asked for, and in which form it is answered."""
