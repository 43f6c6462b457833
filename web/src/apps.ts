// Applications add their sections here: `addSection({id, label, icon, permission, pages})` of `shell/pages.ts`.
export {};
