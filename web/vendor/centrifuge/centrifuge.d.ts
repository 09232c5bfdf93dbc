// The script defines `globalThis.Centrifuge`; `types/` has its types.
export {};
