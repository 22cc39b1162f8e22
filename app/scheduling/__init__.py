"""What a worker knows while it drives an instance: lease, model of Marketo's queue, fairness, record-key conflicts."""
