"""What the metrics are computed from, read from the database at each scrape: any process gives the same answer."""

from dataclasses import dataclass

from app.clock import Clock
from app.reporting.instances import InstanceReader
from app.reporting.metric_series import Numbers
from app.store import counters, disk_usage, webhook_deliveries, webhooks
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class MetricReader:
    """Reads the queues, the instances' rows and the counters: nothing that grows with history."""

    db: Database
    now: Clock
    instances: InstanceReader

    async def read(self) -> Numbers:
        async with self.db.read() as tx:
            queues = await self.instances.queues.read_in(tx)
            return Numbers(
                now=self.now(),
                imports=await self.instances.queues.unfinished_in(tx),
                instances=await self.instances.read_all_in(tx, queues),
                counters=await counters.everything(tx),
                waiting_deliveries=await webhook_deliveries.waiting(tx),
                webhooks=await webhooks.numbers(tx),
                usage=await disk_usage.measure(tx, self.db),
            )
