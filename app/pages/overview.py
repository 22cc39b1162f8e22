"""The overview: whether work flows, what needs a person, Marketo's ten places, and the last day."""

from app.domain.api_keys import Scope
from app.pages.chart import day_chart
from app.pages.deeds import offers_for, pause
from app.pages.rendering import Rendered
from app.pages.routing import Visit, page


async def show(visit: Visit) -> Rendered:
    """Everything with the scope `read`; with `submit` alone, what is the client's own."""
    reader, visitor = visit.container.reports.overview, visit.visitor
    if visitor.client is not None:
        visit.need(Scope.SUBMIT)
        own = await reader.read_of_client(visitor.client)
        offers = [(need, offers_for(need, visitor)) for need in own.needs]
        return await visit.render("overview_of_client.html", overview=own, needs=offers)
    overview = await reader.read()
    offers = [(need, offers_for(need, visitor)) for need in overview.needs]
    chart = day_chart(overview.hours, importers=overview.importers, now=overview.now)
    names = {each.view.instance.name: each.view.slots_used for each in overview.instances}
    pauses = {name: pause(name, at_marketo=jobs) for name, jobs in names.items()}
    return await visit.render("overview.html", overview=overview, needs=offers, chart=chart, pause_offers=pauses)


ROUTES = (page("/", show),)
