import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import address from "world-atlas/countries-50m.json?url";
import { byScale, type Land, landOf } from "./land";

type World = Topology<{ countries: GeometryCollection; land: GeometryCollection }>;

/** Fetches the world: Natural Earth's land and borders, drawn for maps of 1 : 50 million. */
export async function fetchLand(): Promise<(scale: number) => Land> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The land of the map did not come: ${answer.status}.`);
  const world = (await answer.json()) as World;
  const land = feature(world, world.objects.land).features[0]?.geometry;
  if (land?.type !== "MultiPolygon" && land?.type !== "Polygon") throw new Error("The file of the map has no land.");
  const borders = mesh(world, world.objects.countries, (one, other) => one !== other);
  return byScale(landOf(land, mesh(world, world.objects.land), borders));
}
